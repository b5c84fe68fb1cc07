"""Errors in the form that OpenAI's clients read."""

from aiohttp import web


class ApiError(Exception):
    """A request that is refused, or could not be answered.

    Args:
        status: HTTP status.
        message: What was wrong, and what helps.
        code: Short name of it for programs; None for none.
        param: Which field of the request; None for none.
        retry_s: When to try again; None for never.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_s = retry_s

    def body(self) -> dict[str, object]:
        """Return the JSON that tells it."""
        kinds = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}
        default = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": self.message,
                "type": kinds.get(self.status, default),
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> web.Response:
        """Return the answer that tells it."""
        headers = {} if self.retry_s is None else {"Retry-After": f"{max(1, round(self.retry_s))}"}
        return web.json_response(self.body(), status=self.status, headers=headers)
