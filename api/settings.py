"""What only the API can be told; servers and common limits are in `ledger.settings`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ApiSettings(BaseSettings):
    """Every setting has a default for one process on a laptop; `CARTERA_<NAME>` overrides it."""

    model_config = SettingsConfigDict(env_prefix="CARTERA_", env_ignore_empty=True, frozen=True)

    api_catch_up: bool = Field(
        default=True, description="Bring the read models up here; off where a worker does it."
    )
    graphql_introspection: bool = Field(
        default=True, description="Answer questions about the schema itself."
    )
    graphiql: bool = Field(
        default=False, description="Serve GraphiQL at /graphiql; its questions need a key as any."
    )
    graphql_statement_seconds: float = Field(
        default=15.0, gt=0, description="How long one statement of a question may take."
    )
    graphql_documents: Path | None = Field(
        default=None, description="JSON file of trusted documents, as `cartera documents` writes."
    )
    graphql_trusted_only: bool = Field(default=False, description="Answer trusted documents only.")
    graphql_kept_bytes: int = Field(
        default=32_000_000, ge=0, description="Answers kept until a read model moves; 0 for none."
    )
    graphql_budget: int = Field(
        default=0, ge=0, description="Nodes a key may ask for in a minute, kept in Redis; 0: any."
    )
    graphql_shared: bool = Field(
        default=False, description="Keep answers about the whole book in Redis for all servers."
    )
    max_upload_bytes: int = Field(
        default=100_000_000, gt=0, description="Largest payment file; others go in by `cartera`."
    )
