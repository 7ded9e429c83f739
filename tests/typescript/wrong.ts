// A row without one of its fields, which the compiler has to refuse.
import { Mainspring } from "./mainspring.js";

void new Mainspring({ url: "" }).predictLateDelivery({ rows: [{ shop: "north" }] });
