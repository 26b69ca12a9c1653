# What keywatch needs to inventory more of a Vault than the metadata of KV v2: each part for a word in `also` of
# [vault.inventory]. None of it shows the value of a secret, a token, a secret-id or a credential of AWS.

# All of it, and every run without `mounts`: which mounts there are.
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/auth" {
  capabilities = ["read"]
}

# subkeys = true: the names of a secret's fields. Vault takes the values out.
path "kv/subkeys/*" {
  capabilities = ["read"]
}

# "kv1": names. Never give `read` here: in KV v1 that is the value.
path "old-kv/*" {
  capabilities = ["list"]
}

# "tokens": by their accessors. Vault asks for sudo to list them.
path "auth/token/accessors" {
  capabilities = ["list", "sudo"]
}
path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}

# "secret-ids": by their accessors.
path "auth/approle/role/+/secret-id" {
  capabilities = ["list"]
}
path "auth/approle/role/+/secret-id-accessor/lookup" {
  capabilities = ["update"]
}

# "aws": what keys are made from. Never give `read` on aws/creds/ or aws/static-creds/.
path "aws/config/root" {
  capabilities = ["read"]
}
path "aws/roles/*" {
  capabilities = ["list", "read"]
}
path "aws/static-roles/*" {
  capabilities = ["list", "read"]
}

# "access": policies, and whom they are given to. Repeat the methods for each mount.
path "sys/policies/acl" {
  capabilities = ["list"]
}
path "sys/policies/acl/*" {
  capabilities = ["list", "read"]
}
path "auth/approle/role" {
  capabilities = ["list"]
}
path "auth/approle/role/+" {
  capabilities = ["list", "read"]
}
path "auth/kubernetes/role" {
  capabilities = ["list"]
}
path "auth/kubernetes/role/+" {
  capabilities = ["list", "read"]
}
path "auth/userpass/users" {
  capabilities = ["list"]
}
path "auth/userpass/users/+" {
  capabilities = ["list", "read"]
}
path "auth/token/roles" {
  capabilities = ["list"]
}
path "auth/token/roles/+" {
  capabilities = ["list", "read"]
}

# "access", and owners of tokens and secret-ids: who is behind a login.
path "identity/entity/id" {
  capabilities = ["list"]
}
path "identity/entity/id/*" {
  capabilities = ["list", "read"]
}
path "identity/group/id" {
  capabilities = ["list"]
}
path "identity/group/id/*" {
  capabilities = ["list", "read"]
}
