"""The command `emrs-local`."""
