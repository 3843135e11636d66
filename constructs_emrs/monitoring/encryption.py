"""With which keys logs and local disks are encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_kms as kms

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods


@explained
@dataclass(frozen=True, kw_only=True)
class Encryption(metaclass=NamesMethods):
    """Which keys encrypt the log group, managed logs, S3 logs and the workers' local disks.

    Made by `Encryption.customer_managed` and `Encryption.aws_owned`. The key of one destination, such as
    `S3Logs(encryption_key=…)`, wins over it.

    Source: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/disk-encryption-cmk.html
    """

    is_customer_managed: bool
    key: kms.IKey | None = None
    disk_encryption_context: Mapping[str, str] | None = None

    @classmethod
    def customer_managed(
        cls, key: kms.IKey | None = None, *, disk_encryption_context: Mapping[str, str] | None = None
    ) -> "Encryption":
        """Encrypt with one key of this account.

        Args:
            key: A symmetric key. Default: a key with rotation that is created for the stack and shared by its jobs.
            disk_encryption_context: Names and values that are bound to the encryption of the disks, at most 8; they are
                seen in CloudTrail. Default: none but the service's own.
        """
        return cls(is_customer_managed=True, key=key, disk_encryption_context=disk_encryption_context)

    @classmethod
    def aws_owned(cls) -> "Encryption":
        """Encrypt with keys that belong to AWS, and that are not seen in the account."""
        return cls(is_customer_managed=False)
