"""What a setup under test says about itself through the gateway's API."""

from typing import Any

import httpx


class GatewayApi:
    """Questions to a running gateway; while it does not answer, every question has the answer of nothing known."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=f"{self.url}/api/v1", timeout=30.0, trust_env=False)

    def get(self, path: str) -> Any:
        """Return the JSON of a path, None where the gateway does not answer."""
        try:
            answer = self._client.get(path)
        except httpx.HTTPError:
            return None
        return answer.json() if answer.status_code == httpx.codes.OK else None

    def answers(self) -> bool:
        """Whether the API is up."""
        return self.get("/health") is not None

    def latest(self) -> dict[str, dict[str, Any]]:
        """Return the newest value of every series by its path."""
        return {item["path"]: item for item in self.get("/latest") or []}

    def edge(self) -> dict[str, Any]:
        """Return the state of the one edge of the setup; empty while unknown."""
        pipeline = self.get("/pipeline")
        edges = pipeline["edges"] if pipeline else []
        return edges[0] if edges else {}

    def pipeline(self) -> dict[str, Any]:
        """Return the state of delivery; empty while unknown."""
        return self.get("/pipeline") or {}

    def hop(self, name: str) -> dict[str, Any]:
        """Return the health of the first hop whose name begins so; empty while unknown."""
        health = self.get("/health") or {"hops": []}
        return next((hop for hop in health["hops"] if hop["name"].startswith(name)), {})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
