"""A shop of 24 customers and its output folder, for tests of what a run leaves behind."""

import json
from dataclasses import dataclass
from pathlib import Path

from segmentation.cli import main

HEADER = "customer_id,visits,money_spent"
ROWS = [f"{i:03d},{1 + i % 4},{10 ** (1 + i % 3)}.{i % 10}" for i in range(24)]
CSV = "\n".join([HEADER, *ROWS]) + "\n"

CONFIG = """
[input]
path = "{customers}"
customer_id = "customer_id"
[features]
numeric = ["visits", "money_spent"]
[sweep]
k_max = 3
[output]
path = "{output}"
"""


@dataclass
class Shop:
    """A folder with customers and a configuration; called, it runs the job there."""

    folder: Path

    @classmethod
    def opened(cls, folder, customers):
        config = CONFIG.format(customers=customers, output=folder / "out")
        (folder / "config.toml").write_text(config)
        return cls(folder)

    @property
    def output(self):
        return self.folder / "out"

    def __call__(self, *arguments):
        main(["run", str(self.folder / "config.toml"), *arguments])
        return json.loads((self.output / "latest.json").read_text())["run"]
