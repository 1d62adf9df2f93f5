# vast-mcp over HTTP with a token. Runs as a user without rights; its root may be read-only:
#
#   docker build -t vast-mcp .
#   docker run --read-only --tmpfs /tmp --mount type=volume,src=vast-mcp,dst=/var/lib/vast-mcp \
#     --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8765:8765 \
#     -e VAST_API_KEY -e VAST_MCP_HTTP_TOKEN vast-mcp
#
# It answers at http://localhost:8765/mcp; add `--allowed-host NAME` for every other name it is called
# by. The volume holds the ledger: it must outlive the container, since it knows what was rented.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY vast_mcp ./vast_mcp
RUN python -m venv /opt/vast-mcp \
    && /opt/vast-mcp/bin/pip install --no-cache-dir --constraint constraints.txt . \
    && /opt/vast-mcp/bin/python -m compileall -q /opt/vast-mcp/lib

FROM python:3.13-slim
LABEL org.opencontainers.image.title="vast-mcp" \
      org.opencontainers.image.description="Rent, watch and shut down Vast.ai GPUs under spend limits" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/vast-mcp --shell /usr/sbin/nologin vast \
    && install --directory --owner vast --group vast --mode 0700 /var/lib/vast-mcp
COPY --from=build /opt/vast-mcp /opt/vast-mcp
ENV PATH=/opt/vast-mcp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_STATE_HOME=/var/lib/vast-mcp/state \
    XDG_CONFIG_HOME=/var/lib/vast-mcp/config \
    XDG_DATA_HOME=/var/lib/vast-mcp/data \
    XDG_CACHE_HOME=/tmp/cache
USER 10001:10001
WORKDIR /var/lib/vast-mcp
VOLUME /var/lib/vast-mcp
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8765/healthz', timeout=4)"]
ENTRYPOINT ["vast-mcp", "serve", "--transport", "http", "--host", "0.0.0.0", "--allowed-host", "localhost"]
