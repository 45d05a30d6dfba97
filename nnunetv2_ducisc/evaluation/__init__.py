"""Numbers and figures about finished predictions and models; nothing here trains."""
