# What [[vault_values]] needs to read the values below "orders/" of a KV v2 mount named "kv", once each, so that they are
# found wherever they leak. Give it to a token of its own, with no more than the values that are to be looked for: repeat
# both rules for each path. The token of [[vault]] gets metadata-only.hcl instead.

path "kv/metadata/orders/*" {
  capabilities = ["read", "list"]
}

path "kv/data/orders/*" {
  capabilities = ["read"]
}

# A mount of KV version 1 has one path for names and values, and a rule for each mount is enough:
#
#   path "legacy/orders/*" {
#     capabilities = ["read", "list"]
#   }
