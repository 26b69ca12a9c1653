"""What the person who reads an alert should do: one to three sentences, by what is wrong with what. Pure."""

from keywatch.model.key import KeyKind

LABEL = {
    KeyKind.AWS_ACCESS_KEY: "AWS access key",
    KeyKind.LWA_CLIENT_SECRET: "LWA client secret",
    KeyKind.LWA_REFRESH_TOKEN: "seller refresh token",
    KeyKind.MWS_KEY: "MWS key",
    KeyKind.VAULT_TOKEN: "Vault token",
    KeyKind.OTHER: "key",
}
"""What a person calls a key of that kind."""

USE_IT = {
    KeyKind.AWS_ACCESS_KEY: (
        "Make one successful call with it from the program that owns it, or delete it if nobody needs it (`aws "
        "iam delete-access-key`)."
    ),
    KeyKind.LWA_CLIENT_SECRET: (
        "Let the application make one successful SP-API call (a 2xx answer; a token exchange is not one), or "
        "delete the application in Seller Central if nobody needs it."
    ),
    KeyKind.LWA_REFRESH_TOKEN: (
        "Let the application make one successful SP-API call for this seller, or ask the seller to end the "
        "authorisation if nobody needs it."
    ),
    KeyKind.MWS_KEY: "MWS is closed and no call can succeed any more: remove it.",
    KeyKind.VAULT_TOKEN: (
        "Make one successful request with it, or revoke it if nobody needs it (`vault token revoke`)."
    ),
    KeyKind.OTHER: "Make one successful call with it, or remove it if nobody needs it.",
}
"""How a key that dies of disuse is kept alive, or given up in good order."""

REMOVE_IT = {
    KeyKind.AWS_ACCESS_KEY: (
        "Delete it (`aws iam delete-access-key`); an inactive key can be switched on again by whoever may."
    ),
    KeyKind.LWA_CLIENT_SECRET: "Delete the application in Seller Central, and the secret wherever it is stored.",
    KeyKind.LWA_REFRESH_TOKEN: "Delete it wherever it is stored, and ask the seller to end the authorisation.",
    KeyKind.MWS_KEY: (
        "Delete it wherever it is stored. If it is an AWS-format pair, look whether it is an IAM key as well: "
        "that one may be alive."
    ),
    KeyKind.VAULT_TOKEN: "Revoke it (`vault token revoke`), and delete it wherever it is stored.",
    KeyKind.OTHER: "Revoke it at its issuer, and delete it wherever it is stored.",
}
"""How a key that has no use any more is got rid of."""

REPLACE_IT = {
    KeyKind.AWS_ACCESS_KEY: (
        "Make a new key, switch its users over, then deactivate and delete this one (`aws iam update-access-key "
        "--status Inactive`, `aws iam delete-access-key`)."
    ),
    KeyKind.LWA_CLIENT_SECRET: (
        "Rotate the client secret in Seller Central now; the old one works for 7 days more, so see that the new "
        "one is in use before that."
    ),
    KeyKind.LWA_REFRESH_TOKEN: (
        "Let the seller end the authorisation and authorise again; a new token does not end an older one."
    ),
    KeyKind.MWS_KEY: (
        "MWS is closed, but an AWS-format pair may be an IAM key as well: look it up, and deactivate it."
    ),
    KeyKind.VAULT_TOKEN: "Revoke it (`vault token revoke`) and give its user a new one.",
    KeyKind.OTHER: "Revoke it at its issuer and make a new one.",
}
"""How a key that others have seen is made worthless."""

RENEW_IT = {
    KeyKind.AWS_ACCESS_KEY: REPLACE_IT[KeyKind.AWS_ACCESS_KEY],
    KeyKind.LWA_CLIENT_SECRET: (
        "Rotate the client secret in Seller Central (only the primary user can), or by SP-API, whose queue brings the "
        "new one. The old one works for 7 days more: see that every program has the new one before that."
    ),
    KeyKind.LWA_REFRESH_TOKEN: (
        "Ask the seller to authorise the application again, on its authorisation page; until then the old token works "
        "to the end of its year."
    ),
    KeyKind.MWS_KEY: "MWS is closed: remove it.",
    KeyKind.VAULT_TOKEN: "Renew it (`vault token renew`), or log in again where it cannot be renewed any more.",
    KeyKind.OTHER: "Have it renewed by its issuer.",
}
"""How a key that ends by its age is kept going."""

SWITCH_OVER = (
    "Put the new client secret wherever the old one is kept, restart what reads it only once, and see that each "
    "program gets its access tokens with it. Where the date of a [[key]] is written down, write down the new one."
)
"""What is to be done in the days in which an old and a new client secret work."""

ROOT = (
    "Make an IAM role or user with the few permissions that are needed, switch over, then delete the root key in "
    "the AWS console as root. Amazon advises against root keys altogether."
)

DROP_ONE = (
    "See which one is still used (`aws iam get-access-key-last-used`). Deactivate the other (`aws iam "
    "update-access-key --status Inactive`), wait a few days until nobody has missed it, then delete it."
)

SIGNER = (
    "Delete its keys (`aws iam delete-access-key`), then the user, and the role that was registered with SP-API. "
    "SP-API takes the client secret and the seller's refresh token, and no AWS key."
)

PERHAPS_SIGNER = (
    "See which role is taken on with this key, and what for. If it is the one that was registered with SP-API and "
    "nothing else, let the program stop signing, as newer versions of SP-API's libraries do, and delete key, user and "
    "role. If the role does other work, such as reading a queue, name the user in `excused_users` of [hygiene]."
)

PLAIN = (
    "Make a new parameter of type SecureString under another name (AWS cannot change a parameter's type), switch its "
    "readers over, and delete this one with its history. Then replace the secret: it could be read until now."
)

STUCK = (
    "Look for the error in the log of the secret's rotation function, mend it, and rotate again (`aws secretsmanager "
    "rotate-secret`). If no rotation is wanted, cancel it (`aws secretsmanager cancel-rotate-secret`), and take the "
    "label AWSPENDING from the version that has it."
)

LATE = (
    "Rotate it now (`aws secretsmanager rotate-secret`), and see why its schedule did not: a rotation function that "
    "fails, or a schedule that nobody needs."
)

LATE_IN_VAULT = (
    "See in Vault's log why the AWS secrets engine does not rotate it: its root key may lack the right to make and "
    "delete keys of this user, or the user has two keys already that Vault did not make."
)

ENDS_BY_ITSELF = (
    "It has been rotated, and ends by itself a week after that: nothing needs rotating once more. Until then look for "
    "calls that are not yours, and see that every program has the new one. Remove it from where it was found."
)
REVOKE_UNKNOWN = "Take it for live: revoke it at its issuer, make a new one, then remove it from where it was found."

SELLER_PURGE = (
    "Never use it and never store it: the policy forbids asking for or accepting a seller's secret keys. Delete "
    "the message, ticket or file that holds it, and its copies. Tell the seller to rotate the key, and to "
    "authorise the application through OAuth instead."
)

SHARED = (
    "Ask its owner whether each place and program is theirs. Give every program a key of its own, or better a "
    "role, and allow what is as it should be in `[[sharing.allow]]`."
)

READ = (
    "Ask its owner whether each reader needs it. Take the right to read it from the others in Vault's policies; give "
    "every program a key of its own, and allow what is as it should be in `[[sharing.allow]]`."
)

UNHASHED = (
    "Disable the audit device and enable it again without `log_raw` (`vault audit disable`, `vault audit enable`; in "
    "OpenBao, in its configuration), with another device enabled meanwhile. Delete the log and its copies; revoke "
    "every token and rotate every secret that was used while it was written."
)

UNHASHED_FIELDS = (
    "Take the fields from the mount's tuning (`audit_non_hmac_request_keys`, `audit_non_hmac_response_keys` of `vault "
    "secrets tune` or `vault auth tune`). Delete the log and its copies, and rotate what was read or written "
    "meanwhile. If a field is no secret, name it in `may_be_clear` of [[vault_audit]]."
)

STRANGER = {kind: f"If nobody knows one of them, take the key for stolen. {step}" for kind, step in REPLACE_IT.items()}
"""What to do where a key turns up with somebody unknown."""

FEWER_READERS = (
    "Go through the readers with the keys' owner. Take the policy from those who do not need it, or let it name the "
    "paths that they need. Who should not count is named in `excused` of [need_to_know]."
)

NARROWER = (
    "Let the policy name the folders that its holders need (`kv/data/orders/*`) instead of all there is, or deny the "
    "keys' folder to it. If it is for emergencies, name it in `excused` of [need_to_know]: `policy NAME`."
)

EVERYTHING = (
    "See who needs it and for what, and give them policies for that. Keep one such policy for emergencies at most, "
    "held by nobody from day to day, and name it in `excused` of [need_to_know]: `policy NAME`."
)

WHO_COMES_IN = (
    "Let the role or group name who may log in by it (service accounts and namespaces, subjects, members), or take "
    "the policy from it."
)

NOT_AT_AWS = (
    "If the key was deleted, delete what Vault keeps of it (`vault kv metadata delete`), and see that nothing reads "
    "it. If it is another key by now, correct its `access_key_id` (`vault kv metadata patch -custom-metadata`)."
)

INTO_VAULT = (
    "Write it to Vault and note in its custom metadata what it is (`access_key_id`, `client_id`, or `application` and "
    "`seller`), let its programs read it there, and remove it from elsewhere. Then replace it: it has been elsewhere."
)
