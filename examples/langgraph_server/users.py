"""Who may use the server. The identity of a user is the id of a reviewer, or the name of an agent that submits tasks.

Replace the table by your identity provider. Without authentication the server takes no decisions.
"""

import hmac
import json
import os

from langgraph_sdk import Auth

auth = Auth()
tokens: dict[str, str] = json.loads(os.environ.get("SERVER_TOKENS", "{}"))  # the name of each user, and their token


@auth.authenticate
async def authenticate(authorization: str | None) -> Auth.types.MinimalUserDict:
    """Return the user whose token a request carries."""
    sent = (authorization or "").removeprefix("Bearer ").encode()
    for name, token in tokens.items():
        if hmac.compare_digest(sent, token.encode()):
            return {"identity": name}
    raise Auth.exceptions.HTTPException(status_code=401, detail="send the token of a user as 'Authorization: Bearer'")
