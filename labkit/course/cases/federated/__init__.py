"""Federated learning: hospitals that train together, recipes for liars and servers, what is judged (L11)."""
