"""The pure part of executions: the answer to an agent that asks, and the grant that carries an approved call out."""
