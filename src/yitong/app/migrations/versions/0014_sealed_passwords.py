"""Trunks' passwords sealed at rest (``kit/sealed_text.py``): those that are there, and none but sealed ones from now on."""

from __future__ import annotations

from alembic import context, op
from sqlalchemy import text

from yitong.kit.sealed_text import Sealer

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PURPOSE = "trunk.password"


def upgrade() -> None:
    """The worker finds at its start that the bucket says something else, and puts the sealed ones there."""
    sealer: Sealer = context.config.attributes["sealer"]
    connection = op.get_bind()
    for row in connection.execute(text("select tenant_id::text, id::text, password from trunks where password <> ''")).all():
        connection.execute(
            text("update trunks set password = :sealed where tenant_id = cast(:tenant as uuid) and id = cast(:id as uuid)"),
            {"sealed": sealer.seal(row.tenant_id, _PURPOSE, row.password), "tenant": row.tenant_id, "id": row.id},
        )
    op.execute("alter table trunks add constraint trunks_password_sealed check (password = '' or password like 'sealed:%')")


def downgrade() -> None:
    """Readable again, as the release before wants them."""
    sealer: Sealer = context.config.attributes["sealer"]
    connection = op.get_bind()
    op.execute("alter table trunks drop constraint trunks_password_sealed")
    for row in connection.execute(text("select tenant_id::text, id::text, password from trunks where password <> ''")).all():
        connection.execute(
            text("update trunks set password = :plain where tenant_id = cast(:tenant as uuid) and id = cast(:id as uuid)"),
            {"plain": sealer.open(row.tenant_id, _PURPOSE, row.password), "tenant": row.tenant_id, "id": row.id},
        )
