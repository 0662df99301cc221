"""Which servers, limits and defaults this process runs with: environment first, then here."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


class SmtpSecurity(StrEnum):
    """How a mail server is spoken to."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Settings(BaseSettings):
    """Every setting has a default that works on a laptop; `CARTERA_<NAME>` overrides it.

    The servers' URLs keep the names that hosting platforms give them.
    """

    model_config = SettingsConfigDict(
        env_prefix="CARTERA_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15+ by URL or conninfo; without one an embedded server is used.",
    )
    redis_url: str | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        description="Redis 6+ or Valkey by URL; without one an embedded server is used.",
    )
    broker_url: str | None = Field(
        default=None,
        validation_alias="BROKER_URL",
        description="Queue of jobs: redis:// or, with the extra `rabbitmq`, amqp://."
        " Without one REDIS_URL is used.",
    )
    read_database_url: str | None = Field(
        default=None,
        validation_alias="READ_DATABASE_URL",
        description="Replica that answers GraphQL; without one DATABASE_URL does.",
    )
    var_dir: Path = Field(
        default=Path("var"),
        validation_alias="CARTERA_VAR",
        description="Where the embedded servers keep their data.",
    )
    migrations_dir: Path = Field(
        default=MIGRATIONS, description="The numbered SQL files of the database schema."
    )

    lender_timezone: str = Field(
        default="America/Mexico_City",
        description="The lender's own zone: where one business date ends and the next begins.",
    )
    currency: str = Field(
        default="MXN",
        pattern="^[A-Z]{3}$",
        description="ISO 4217 code of a loan that names none.",
    )

    calendars_dir: Path | None = Field(
        default=None, description="Folder of the lender's own business calendars, one YAML each."
    )
    accounting_rules: Path | None = Field(
        default=None, description="The lender's posting rules, a YAML file; else those shipped."
    )
    accounting_chart: Path | None = Field(
        default=None, description="The lender's chart of accounts, a YAML file; else that shipped."
    )
    accounting_allowance: Path | None = Field(
        default=None,
        description="The lender's loss allowance tables, a YAML file; else no posting.",
    )
    accounting_files: Path | None = Field(
        default=None,
        description="The company's settings of its accounting files, a YAML file; else defaults.",
    )
    cfdi: Path | None = Field(
        default=None, description="The lender's settings of fiscal documents, a YAML file."
    )
    cfdi_key_password: SecretStr = Field(
        default=SecretStr(""), description="Of the private key that seals fiscal documents."
    )
    cfdi_provider_token: SecretStr = Field(
        default=SecretStr(""), description="The stamping provider's token."
    )
    exports_dir: Path | None = Field(
        default=None, description="Where exported files are kept; by default under var."
    )
    index_max_age_days: int = Field(
        default=10, ge=0, description="How old an index's value may be on the day it fixes a rate."
    )

    borrower_key: SecretStr | None = Field(
        default=None,
        description="Master key of borrowers' data: base64 of 32 bytes, as `cartera borrower"
        " new-key` makes one.",
    )
    borrower_old_keys: SecretStr | None = Field(
        default=None,
        description="Master keys of before, by comma, until `cartera borrower rewrap` is done.",
    )
    borrower_development_key: bool = Field(
        default=False,
        description="Let the key that everybody knows do on a DATABASE_URL; embedded servers use it"
        " anyway. Never for people's real data.",
    )
    rfc_check_digit: bool = Field(
        default=False, description="Refuse an RFC whose check digit is wrong, instead of a warning."
    )

    clabe_prefix: str | None = Field(
        default=None,
        pattern=r"^\d{6,16}$",
        description="First digits of the CLABEs that a SPEI participant gives the lender.",
    )
    bbva_base_year: int = Field(
        default=2014,
        ge=1988,
        description="Base year of dates in bbva-10 references, as the bank's own sheet says.",
    )
    bank_layouts_dir: Path | None = Field(
        default=None, description="Folder of layouts of banks' files, one YAML each, by name."
    )
    stp_secret: SecretStr | None = Field(
        default=None,
        description="Secret shared with whom sends SPEI notifications; without one none is taken.",
    )
    stp_signature_header: str = Field(
        default="X-Signature",
        description="Header with the HMAC-SHA256 of a notification's body, in hex or base64.",
    )
    stp_return_unknown: bool = Field(
        default=False,
        description="Send money for no known account back, instead of keeping it in suspense.",
    )

    bureau_lender_file: Path | None = Field(
        default=None, description="How the lender reports to credit bureaus, a YAML file."
    )
    lender_file: Path | None = Field(
        default=None, description="Who sends documents to borrowers, a YAML file; else an example."
    )
    templates_dir: Path | None = Field(
        default=None, description="Folder of the lender's own templates of documents."
    )
    template_seconds: float = Field(
        default=10.0, gt=0, description="How long laying out one document may take."
    )

    smtp_host: str | None = Field(
        default=None,
        description="Mail server that takes documents to borrowers; else none is sent.",
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    smtp_security: SmtpSecurity = Field(
        default=SmtpSecurity.STARTTLS, description="starttls, tls (from the first byte), or none."
    )
    smtp_user: str = Field(default="", description="As whom to log in there; empty: not at all.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Of that user.")
    smtp_from: str = Field(
        default="", description='Who sends, such as "Mi Financiera <estados@example.mx>".'
    )
    smtp_timeout_seconds: float = Field(
        default=30.0, gt=0, description="How long the mail server may take for one answer."
    )
    provider_url: str | None = Field(
        default=None, description="Where SMS and WhatsApp are posted to (extra `delivery`)."
    )
    provider_token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token of that provider."
    )
    provider_timeout_seconds: float = Field(
        default=30.0, gt=0, description="How long the provider may take."
    )
    delivery_attempts: int = Field(
        default=8, ge=1, description="How often one message may be put off before it is given up."
    )
    delivery_retry_seconds: float = Field(
        default=60.0, gt=0, description="Wait before the second try; it doubles up to an hour."
    )

    http_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    http_port: int = Field(default=8400, ge=0, le=65535, description="Port the API listens on.")
    max_body_bytes: int = Field(
        default=1_000_000, gt=0, description="Largest request body; payment files stream instead."
    )

    graphql_max_depth: int = Field(default=12, gt=0, description="Deepest nesting of one query.")
    graphql_max_tokens: int = Field(default=2_000, gt=0, description="Longest query, in tokens.")
    graphql_max_aliases: int = Field(default=30, gt=0, description="Most aliases in one query.")
    graphql_max_cost: int = Field(
        default=50_000, gt=0, description="Most nodes one query may ask for, pages multiplied."
    )
    graphql_wait_seconds: float = Field(
        default=2.0, ge=0, description="How long a question waits for its `atLeast`."
    )
    max_page_size: int = Field(default=500, gt=0, description="Most edges of one connection.")
    default_page_size: int = Field(default=50, gt=0, description="Edges when `first` is absent.")

    pool_min_size: int = Field(default=1, ge=0, description="Connections a process keeps open.")
    pool_max_size: int = Field(default=10, gt=0, description="Connections a process may open.")
    pool_timeout_seconds: float = Field(
        default=30.0, gt=0, description="How long a request waits for a connection."
    )

    partition_size: int = Field(
        default=2**23, ge=1_000, description="Positions of the log that one partition takes."
    )
    projection_batch_size: int = Field(
        default=100_000, gt=0, description="Events that one projection step reads and commits."
    )
    projection_poll_seconds: float = Field(
        default=1.0, gt=0, description="Wait between looks at the log when nothing wakes it."
    )
    import_processes: int | None = Field(
        default=None,
        ge=0,
        description="Processes that land a payment file; by default one per core for a large one.",
    )
    close_of_day_shards: int = Field(
        default=4, gt=0, description="Ranges of loans that workers close at the same time."
    )

    @field_validator("lender_timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"lender_timezone {name!r} is no IANA time zone") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.lender_timezone)

    @property
    def exports(self) -> Path:
        """The folder of exported files."""
        return (self.exports_dir or self.var_dir / "exports").absolute()

    def environment(self) -> dict[str, str]:
        """The variables that make a child process use the same servers."""
        given = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "BROKER_URL": self.broker_url,
            "READ_DATABASE_URL": self.read_database_url,
            "CARTERA_VAR": str(self.var_dir.absolute()),
            "CARTERA_MIGRATIONS_DIR": str(self.migrations_dir.absolute()),
            "CARTERA_CALENDARS_DIR": _absolute(self.calendars_dir),
            "CARTERA_LENDER_FILE": _absolute(self.lender_file),
            "CARTERA_BUREAU_LENDER_FILE": _absolute(self.bureau_lender_file),
            "CARTERA_TEMPLATES_DIR": _absolute(self.templates_dir),
            "CARTERA_ACCOUNTING_RULES": _absolute(self.accounting_rules),
            "CARTERA_ACCOUNTING_CHART": _absolute(self.accounting_chart),
            "CARTERA_ACCOUNTING_ALLOWANCE": _absolute(self.accounting_allowance),
            "CARTERA_ACCOUNTING_FILES": _absolute(self.accounting_files),
            "CARTERA_CFDI": _absolute(self.cfdi),
            "CARTERA_EXPORTS_DIR": _absolute(self.exports_dir),
        }
        return {name: value for name, value in given.items() if value is not None}


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


_current: Settings | None = None


def settings() -> Settings:
    """The settings of this process, read from the environment once."""
    global _current
    if _current is None:
        _current = Settings()
    return _current


@contextmanager
def override(replacement: Settings | None) -> Iterator[None]:
    """Run a block under other settings; `None` reads the environment again."""
    global _current
    before, _current = _current, replacement
    try:
        yield
    finally:
        _current = before
