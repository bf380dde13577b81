"""The tables of the record: the ledger, what may be erased, and the read models.

Three kinds of table. The *ledger* is append-only and is the truth. The *private* tables (identity,
free_text, key_image, attention_map, mask) hold what the ledger only names by pseudonym or salted
digest; their rows may be erased without breaking the chain. The *read models* answer questions quickly;
each row names the ledger entry it came from, and all of them can be dropped and replayed.

The statements that create them are in `migrations`; a test keeps the two equal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

APPLICATION_ID: Final = 0x4D565252  # "MVRR", shown by file(1) and checked on opening
SCHEMA_VERSION: Final = 2


class EventKind(StrEnum):
    """What an entry of the ledger says happened."""

    STUDY_OPENED = "StudyOpened"
    STUDY_INGESTED = "StudyIngested"
    DEIDENTIFICATION_APPLIED = "DeidentificationApplied"
    GATE_REFUSED = "GateRefused"
    ANALYSIS_STARTED = "AnalysisStarted"
    ANALYSIS_RECORDED = "AnalysisRecorded"
    ANALYSIS_FAILED = "AnalysisFailed"
    ANALYSIS_CANCELLED = "AnalysisCancelled"
    FINDING_ACCEPTED = "FindingAccepted"
    FINDING_REJECTED = "FindingRejected"
    FINDING_OVERRIDDEN = "FindingOverridden"
    FINDING_ADDED = "FindingAdded"
    FINDING_LEFT_UNDECIDED = "FindingLeftUndecided"
    MASK_EDITED = "MaskEdited"
    MEASUREMENT_RECORDED = "MeasurementRecorded"
    KEY_IMAGE_MARKED = "KeyImageMarked"
    IMPRESSION_COMMITTED = "ImpressionCommitted"
    REPORT_DRAFTED = "ReportDrafted"
    REPORT_SIGNED = "ReportSigned"
    REPORT_ADDENDED = "ReportAddended"
    EXPORT_WRITTEN = "ExportWritten"
    MODEL_INSTALLED = "ModelInstalled"
    MODEL_ENABLED = "ModelEnabled"
    MODEL_DISABLED = "ModelDisabled"
    THRESHOLD_CHANGED = "ThresholdChanged"
    READER_CREATED = "ReaderCreated"
    SIGNED_IN = "SignedIn"
    SIGN_IN_FAILED = "SignInFailed"
    LOCKED = "Locked"
    SETTINGS_CHANGED = "SettingsChanged"
    BACKUP_WRITTEN = "BackupWritten"
    CHECKPOINT_WRITTEN = "CheckpointWritten"
    VERIFICATION_RUN = "VerificationRun"
    DATA_REPAIRED = "DataRepaired"
    IDENTITY_ERASED = "IdentityErased"


metadata: Final = sa.MetaData()

ledger: Final = sa.Table(
    "ledger",
    metadata,
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

# --- private: may be erased -------------------------------------------------------------------

identity: Final = sa.Table(
    "identity",
    metadata,
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # patient, study, series, instance, reader
    sa.Column("parent", sa.Text, sa.ForeignKey("identity.pseudonym")),
    sa.Column("natural_key", sa.Text),  # null once erased
    sa.Column("details", sa.Text),  # canonical JSON; null once erased
    sa.Column("salt", sa.LargeBinary),  # null once erased
    sa.UniqueConstraint("kind", "natural_key", name="one_pseudonym_a_key"),
)

free_text: Final = sa.Table(
    "free_text",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("text", sa.Text),  # null once erased
    sa.Column("salt", sa.LargeBinary),  # null once erased
)

key_image: Final = sa.Table(
    "key_image",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("details", sa.Text),  # canonical JSON: where it comes from and its captions
    sa.Column("png", sa.LargeBinary),
    sa.Column("overlay_png", sa.LargeBinary),
    sa.Column("salt", sa.LargeBinary),
)

attention_map: Final = sa.Table(
    "attention_map",
    metadata,
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

mask: Final = sa.Table(
    "mask",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("details", sa.Text),  # canonical JSON: its grid, its labels, what it lies over
    sa.Column("voxels", sa.LargeBinary),  # zlib: bytes of the box that holds all labels; null once erased
    sa.Column("salt", sa.LargeBinary),  # null once erased
)

# --- read models: dropped and replayed by `projection.rebuild` ----------------------------------

study: Final = sa.Table(
    "study",
    metadata,
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("patient", sa.Text),
    sa.Column("opened_utc", sa.Text),
    sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
)

series: Final = sa.Table(
    "series",
    metadata,
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False, index=True),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
)

reader: Final = sa.Table(
    "reader",
    metadata,
    sa.Column("pseudonym", sa.Text, primary_key=True),
    sa.Column("created_utc", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), nullable=False),
)

inference: Final = sa.Table(
    "inference",
    metadata,
    sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), primary_key=True),
    sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False, index=True),
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

finding: Final = sa.Table(
    "finding",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("study", sa.Text, sa.ForeignKey("study.pseudonym"), nullable=False, index=True),
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

decision: Final = sa.Table(
    "decision",
    metadata,
    sa.Column("seq", sa.Integer, sa.ForeignKey("ledger.seq"), primary_key=True),
    sa.Column("finding", sa.Text, sa.ForeignKey("finding.id"), nullable=False, index=True),
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

report: Final = sa.Table(
    "report",
    metadata,
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

# Parents before children, so that a replay can be undone in reverse.
READ_MODELS: Final = (study, series, reader, inference, finding, decision, report)
PRIVATE: Final = (identity, free_text, key_image, attention_map, mask)
