"""CDNOW, the data set of the customer-base literature, from the file inside the lifetimes package.

Purchases of CDs by the 23,570 customers who first bought in the first quarter of 1997, up to
1998-06-30. Fader and Hardie (2001), Interfaces 31(3); brucehardie.com/datasets.
"""

from importlib.util import find_spec
from pathlib import Path

SHA256 = {
    "CDNOW_master.txt": "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef",
    "CDNOW_sample.txt": "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
}
FILE = "CDNOW_master.txt"


def locate(name: str = FILE) -> Path:
    """The file inside the installed lifetimes package, found without importing it."""
    return Path(find_spec("lifetimes").origin).parent / "datasets" / name
