# keywatch in a container: two stages, so that the image holds Python, git and the locked packages, and no pip or compiler.
#
#   docker build -t keywatch .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v keywatch-state:/var/lib/keywatch -v ./keywatch.toml:/etc/keywatch/keywatch.toml:ro keywatch
#   docker run --rm -v "$PWD":/target:ro keywatch scan /target
#
# A release pins the base by digest: --build-arg BASE=python:3.13-slim-bookworm@sha256:...
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The locks alone first: as long as they stand, this layer is taken from the cache.
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN ["python3", "-m", "venv", "/build"]
RUN ["/build/bin/pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", "requirements/build.txt"]
RUN ["python3", "-m", "venv", "--without-pip", "/opt/keywatch"]
RUN ["/build/bin/pip", "--python", "/opt/keywatch/bin/python", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", \
     "--requirement", "requirements/runtime.txt"]
COPY pyproject.toml setup.py README.md LICENSE ./
COPY keywatch keywatch
RUN ["/build/bin/pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "/dist", "."]
RUN ["sh", "-c", "/build/bin/pip --python /opt/keywatch/bin/python install --no-deps --no-index /dist/*.whl"]
# Says it if the native kernel, for which ziglang is among the locks of the build, could not be compiled: scans take longer then.
RUN ["sh", "-c", "/opt/keywatch/bin/python -m keywatch.native || true"]

FROM ${BASE}
# git reads the repositories; certificates and ssh are for clones from elsewhere.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/keywatch --no-create-home --shell /usr/sbin/nologin keywatch \
    && install --directory --mode 0700 --owner keywatch --group keywatch /var/lib/keywatch
COPY --from=build /opt/keywatch /opt/keywatch
ENV PATH=/opt/keywatch/bin:/usr/local/bin:/usr/bin:/bin \
    STATE_DIRECTORY=/var/lib/keywatch \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/keywatch
VOLUME ["/var/lib/keywatch"]
# A number, so that an orchestrator can see for itself that it is not root.
USER 10001:10001
# The daemon answers on loopback only. The image has no curl; its Python asks.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/keywatch/bin/python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9470/healthz', timeout=4)"]
# Exec form: the daemon is process 1 and hears SIGTERM itself.
ENTRYPOINT ["keywatch"]
CMD ["run", "--config", "/etc/keywatch/keywatch.toml"]
