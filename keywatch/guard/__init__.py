"""
Keeps out what must not be accepted: a seller's Secret Keys, Seller Central passwords, and any other secret.

For forms, tickets, uploads and mail that sellers and customers send. Amazon forbids to ask for or accept a seller's
keys; who has none of them cannot leak them.

    from keywatch.guard import Guard, GuardASGI

    seen = Guard().inspect("here is my secret key: …")
    seen.verdict, seen.text                 # Verdict.SELLER, "here is my secret key: [removed]"
    app = GuardASGI(app)                    # refuses such a request with a message that tells what to do instead

Nothing that is inspected is kept, logged or sent anywhere.
"""

from keywatch.guard.answer import Words
from keywatch.guard.asgi import GuardASGI
from keywatch.guard.inspection import Found, Guard, Inspection, Verdict
from keywatch.guard.wsgi import GuardWSGI

__all__ = ["Found", "Guard", "GuardASGI", "GuardWSGI", "Inspection", "Verdict", "Words"]
