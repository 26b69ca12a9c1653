# What keywatch needs of a KV v2 mount named "kv": names and metadata, never a value. Repeat for each mount.

path "kv/metadata/*" {
  capabilities = ["read", "list"]
}

# OpenBao tells the metadata of a whole folder in one request; without this each secret is asked for.
path "kv/detailed-metadata/*" {
  capabilities = ["list"]
}

# Where a [[scan]] takes its token from Vault, add a rule for that very secret: the longer path wins over the deny below.
#
#   path "kv/data/ci/github" {
#     capabilities = ["read"]
#   }

# Deny wins over any other policy of the token on the same path.
path "kv/data/*" {
  capabilities = ["deny"]
}
