"""EMR Serverless: the API of the service, its state machines and what it does on behalf of the execution role."""
