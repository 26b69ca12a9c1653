# What `device` of a [[vault_audit]] needs, beside what inventories tokens: whose the accessors are that stand in an audit log
# as hashes. A hash tells nobody a value that he does not have. Name the device as it is in `vault audit list`.

path "auth/token/accessors" {
  capabilities = ["list", "sudo"]
}

path "sys/audit-hash/file" {
  capabilities = ["update"]
}
