"""Where logs and metrics go, and the keys that encrypt them."""
