"""What runs around the hub: local servers, compose and Kubernetes files, dashboards, alerts, runbooks."""
