"""Many jobs: on this machine's cores."""
