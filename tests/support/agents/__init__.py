"""One small agent per framework, with a scripted model and a gated tool that pays a refund."""
