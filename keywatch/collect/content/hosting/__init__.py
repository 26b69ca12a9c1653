"""Services that hold the repositories of an organisation, and can list them."""
