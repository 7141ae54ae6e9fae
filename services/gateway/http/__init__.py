"""The HTTP side of the gateway: one module a resource, and the conventions that all of them share."""
