"""The loops that decide, project and react, and the clients they share."""
