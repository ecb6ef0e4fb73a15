"""Any server of the OpenAI protocol, over HTTP."""
