"""What a measurement was made on: the machine, without its name, and versions."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from segmentation import __version__

VERSIONED = ("pyspark", "numpy", "pandas", "pyarrow", "scikit-learn")


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory and system."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions(java_home: str) -> dict[str, str]:
    """Versions of everything that the times depend on; starts a JVM."""
    command = [str(Path(java_home, "bin", "java")), "-version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return {
        "segmentation": __version__,
        "python": platform.python_version(),
        "java": next((line for line in said.splitlines() if "version" in line), "unknown"),
        **{name: version(name) for name in VERSIONED},
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
