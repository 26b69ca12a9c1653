# What keywatch needs of a KV v2 mount named "kv": names and metadata, never a value. Repeat for each mount.

path "kv/metadata/*" {
  capabilities = ["read", "list"]
}

# Deny wins over any other policy of the token on the same path.
path "kv/data/*" {
  capabilities = ["deny"]
}
