"""The first schema: ledger, private tables, read models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything in an empty database."""
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at_utc", sa.Text, nullable=False),
        sa.Column("monotonic_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        # AUTOINCREMENT keeps the highest number ever given, so a tail that was simply deleted shows.
        sqlite_autoincrement=True,
    )
    op.create_table(
        "identity",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),  # patient, study, series, instance, reader
        sa.Column("parent", sa.Text, sa.ForeignKey("identity.pseudonym")),
        sa.Column("natural_key", sa.Text),  # null once erased
        sa.Column("details", sa.Text),  # canonical JSON; null once erased
        sa.Column("salt", sa.LargeBinary),  # null once erased
        sa.UniqueConstraint("kind", "natural_key", name="one_pseudonym_a_key"),
    )
    op.create_table(
        "free_text",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text),  # null once erased
        sa.Column("salt", sa.LargeBinary),  # null once erased
    )
    op.create_table(
        "key_image",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text),  # canonical JSON: where it comes from and its captions
        sa.Column("png", sa.LargeBinary),
        sa.Column("overlay_png", sa.LargeBinary),
        sa.Column("salt", sa.LargeBinary),
    )
    op.create_table(
        "attention_map",
        sa.Column("analysis_seq", sa.Integer, sa.ForeignKey("ledger.seq"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("columns", sa.Integer, nullable=False),
        sa.Column("grid", sa.LargeBinary, nullable=False),  # float32, little-endian, row by row
        sa.Column("box_xyxy", sa.Text, nullable=False),  # JSON array, source pixels
        sa.Column("faithfulness", sa.Float),
        sa.Column("random_faithfulness", sa.Float),
    )
    op.create_table(
        "study",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("patient", sa.Text),
        sa.Column("opened_utc", sa.Text),
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
    )
    op.create_table(
        "reader",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("created_utc", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
    )
    op.create_table(
        "inference",
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), primary_key=True),
        sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("frame_number", sa.Integer, nullable=False),
        sa.Column("pixel_sha256", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),  # an AnalysisState, or "cancelled"
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("weights_sha256", sa.Text, nullable=False),
        sa.Column("ran_utc", sa.Text, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False),
        sa.Column("analysis_seq", sa.Integer, sa.ForeignKey("inference.seq")),
        sa.Column("label", sa.Text, nullable=False),  # the model's; empty for a finding that was added
        sa.Column("probability", sa.Float),
        sa.Column("raw", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("positive", sa.Boolean),
        sa.Column("uncertain", sa.Boolean),
        sa.Column("state", sa.Text, nullable=False),  # a ReviewState
        sa.Column("decision_seq", sa.Integer),
        sa.Column("hidden_by", sa.Integer),  # the entry that made this suggestion moot
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
    )
    op.create_table(
        "decision",
        sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), primary_key=True),
        sa.Column("finding", sa.Text, sa.ForeignKey("finding.id"), nullable=False),
        sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("laterality", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),  # free_text.id: label, location, reason, comment
        sa.Column("supersedes", sa.Integer),
        sa.Column("report_version", sa.Integer, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("decided_utc", sa.Text, nullable=False),
    )
    op.create_table(
        "report",
        sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("words", sa.Text, nullable=False),  # free_text.id: the five sections
        sa.Column("key_images", sa.Text, nullable=False),  # JSON array of key_image.id, in order
        sa.Column("saved_utc", sa.Text, nullable=False),
        sa.Column("draft_seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
        sa.Column("signed_seq", sa.Integer, sa.ForeignKey("ledger.seq")),
        sa.Column("signed_utc", sa.Text),
        sa.Column("pdf_name", sa.Text),
        sa.Column("pdf_sha256", sa.Text),
        sa.Column("reader", sa.Text),
    )
    op.create_index("ix_free_text_subject", "free_text", ["subject"])
    op.create_index("ix_key_image_subject", "key_image", ["subject"])
    op.create_index("ix_series_study", "series", ["study"])
    op.create_index("ix_inference_study", "inference", ["study"])
    op.create_index("ix_finding_study", "finding", ["study"])
    op.create_index("ix_decision_finding", "decision", ["finding"])
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
