"""S3 as Spark and pyarrow both see it: one set of credentials, one URI scheme."""

import os
from typing import Any

S3A_HADOOP = "org.apache.hadoop.fs.s3a.S3AFileSystem"
S3A_SETTINGS = {
    "fs.s3a.access.key": "AWS_ACCESS_KEY_ID",
    "fs.s3a.secret.key": "AWS_SECRET_ACCESS_KEY",
    "fs.s3a.session.token": "AWS_SESSION_TOKEN",
    "fs.s3a.endpoint": "AWS_ENDPOINT_URL",
    "fs.s3a.endpoint.region": "AWS_REGION",
}
"""Hadoop properties and the environment variables that AWS libraries read instead."""


def reach_object_stores(hadoop: Any) -> None:
    """Apply Spark's S3 settings to pyarrow too, and make ``s3://`` mean ``s3a://`` to Spark.

    ``hadoop`` is Hadoop's configuration. pyarrow reads the settings from the environment, where
    existing values are kept.
    """
    if hadoop.get("fs.s3.impl") is None:
        hadoop.set("fs.s3.impl", S3A_HADOOP)
    for key, variable in S3A_SETTINGS.items():
        if value := hadoop.get(key):
            if variable == "AWS_ENDPOINT_URL" and "://" not in value:
                is_plain = hadoop.get("fs.s3a.connection.ssl.enabled") == "false"
                value = f"{'http' if is_plain else 'https'}://{value}"
            os.environ.setdefault(variable, value)
