"""Points whose dimension is known."""
