# For a Vault that must not give values: whether something that was found is a value that Vault has handed out is asked by
# its hash, as it stands in the audit log. "file" is the name of the audit device. Whoever has this right and can read the
# audit log can test guesses against it, so give it to keywatch's token for names alone, and to nobody else.

path "sys/audit-hash/file" {
  capabilities = ["update"]
}
