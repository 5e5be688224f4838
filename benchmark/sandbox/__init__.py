"""One untrusted job: the engine interface, the engines, and the worker that runs inside."""
