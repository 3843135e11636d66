"""Where a person looks at it."""

_DOMAINS = {"cn-": "amazonaws.cn", "us-gov-": "amazonaws-us-gov.com"}


def console(region: str, path: str) -> str:
    """The address of a page of the AWS console.

    Args:
        region: The Region, which may be known at deployment only.
        path: The page, from its service on.
    """
    domain = next((domain for prefix, domain in _DOMAINS.items() if region.startswith(prefix)), "aws.amazon.com")
    return f"https://{region}.console.{domain}/{path}"
