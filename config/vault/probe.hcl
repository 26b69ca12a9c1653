# For [probe] alone, which is off unless switched on: the values of the selling-partner keys that are declared, and no
# others. A token with this policy goes into [probe] vault_tokens, not into a [[vault]]. Name the paths that you declare.

path "kv/data/orders/lwa" {
  capabilities = ["read"]
}

path "kv/data/sellers/*" {
  capabilities = ["read"]
}
