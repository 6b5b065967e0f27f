from __future__ import annotations

import pyarrow as pa
import pytest

from worker.errors import ConfigurationError
from worker.postgres.delivery import Delivery
from worker.postgres.projection import Projected


def test_money_of_three_decimals_is_refused_and_not_rounded() -> None:
    """Which a server writes in a locale such as Kuwait's."""
    batches = [pa.record_batch({"price": ["1.50", None]}), pa.record_batch({"price": ["2.00", "NaN", "1.234"]})]
    delivery = Delivery([Projected("price", "q.price", pa.decimal128(19, 2))], lambda _: None)
    with pytest.raises(
        ConfigurationError, match=r"column price, row 5: .* fits decimal128\(19, 2\), got 1\.234; load a"
    ):
        list(delivery.batches(iter(batches), batch_size=10))
