"""Where units are run: here, on a cluster, or by whoever takes the scripts."""
