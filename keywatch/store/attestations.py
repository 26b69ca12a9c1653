"""What people have confirmed: every word that was given, since an auditor asks for all of them."""

from sqlalchemy import select

from keywatch.policy.obligation import Attestation
from keywatch.store import schema
from keywatch.store.database import Database
from keywatch.store.sql import insert_new


class AttestationRecords(Database):
    """Words that were given; none is ever changed or removed."""

    def attest(self, word: Attestation) -> None:
        """Keep a word. The same person's word about the same thing at the same time is one."""
        row = {"obligation": word.obligation, "by": word.by, "at": word.at, "note": word.note}
        with self._writing() as connection:
            insert_new(connection, schema.attestation, [row])

    def attestations(self) -> list[Attestation]:
        """Return every word, oldest first."""
        table = schema.attestation
        with self._reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.at, table.c.obligation, table.c.by)).all()
        return [Attestation(obligation=row.obligation, by=row.by, at=row.at, note=row.note) for row in rows]
