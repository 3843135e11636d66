"""State machines that run jobs, and what they have to know of a job."""
