"""Sales of two shops, and what each took."""

import mainspring as ms
from mainspring import col

sales = ms.Source(
    "sales",
    id="n",
    event_time="at",
    contract=ms.Contract(n=ms.Int64(), at=ms.Timestamp(), shop=ms.String(), amount=ms.Float64()),
)
takings = ms.FeatureView(
    "takings",
    source=sales,
    entities=[ms.Entity("shop")],
    windows=["7d"],
    features={"total": col("amount").sum(), "sales": ms.count()},
)
