// Asks the server of the starter's shop, and prints what came of it as JSON.
import { CallRefused, CallTimedOut, Mainspring, type LateDeliveryRow } from "./mainspring.js";

declare const process: { argv: string[] };

const [url = "", token = ""] = process.argv.slice(2);
const client = new Mainspring({ url, token: () => token });
const row: LateDeliveryRow = { shop: "north", distance_km: 2.5, ordered_at: "2024-03-30T10:00:00Z" };

const { predictions } = await client.predictLateDelivery({ rows: [row, row] });
const first = predictions[0];
if (first === undefined) throw new Error("no prediction");
const { replay } = await client.replay(first.id);
const { ready } = await client.ready();
const came = { shop: "north", minutes: 50, delivered_at: "2024-03-30T10:50:00Z" };
const labels = await client.feedback({
  rows: [{ order_id: 88_001, ...came }, { prediction: first.id, ...came }],
  endpoint: "late-delivery",
});
const refused = await client.predictLateDelivery({ rows: [] }).catch((error: unknown) => error);
const unknown = await new Mainspring({ url, token: "no-such-token" })
  .status()
  .catch((error: unknown) => error);

// A server that is busy twice, loses an answer, and then answers; and one that never does.
let asked = 0;
const busy: typeof fetch = async (address, init) => {
  asked += 1;
  if (asked <= 2) return new Response("{}", { status: 503 });
  if (asked === 3) throw new TypeError("lost");
  return fetch(address, init);
};
const quick = { most: 3, firstMs: 1, longestMs: 2 };
const again = new Mainspring({ url, token, fetch: busy, retries: quick });
const status = await again.status();
asked = 2;
const labelsAgain = await again.feedback({
  rows: [{ order_id: 88_001, ...came }],
  endpoint: "late-delivery",
});
asked = 2;
const lost = await again.predictLateDelivery({ rows: [row] }).catch((error: unknown) => error);
const askedWhenLost = asked - 2;
asked = 2;
const repeated = await again.predictLateDelivery({ rows: [row] }, { repeatLost: true });
const silent: typeof fetch = (_, init) =>
  new Promise((_, reject) =>
    init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
  );
const late = await new Mainspring({ url, fetch: silent, timeoutMs: 50 })
  .live()
  .catch((error: unknown) => error);

console.log(
  JSON.stringify({
    scores: predictions.map((each) => each.score),
    outcome: replay.outcome,
    ready,
    refused: refused instanceof CallRefused ? refused.code : null,
    unknown: unknown instanceof CallRefused ? unknown.status : null,
    environment: status.environment,
    labels: labels.accepted,
    labelsRefused: labels.refused?.map((each) => each.code),
    labelsAgain: labelsAgain.duplicates,
    lost: lost instanceof Error ? lost.name : null,
    askedWhenLost,
    repeated: repeated.predictions.length,
    late: late instanceof CallTimedOut,
  }),
);
