# ManifoldBench: `docker run --rm IMAGE run --suite smoke`; see README.md.
#
# CUDA comes with the PyPI build of torch: of the host only NVIDIA's driver and container toolkit are needed. Layers are
# ordered by how seldom they change: system, locked libraries (almost all of the size), then the code in one small layer.
# Pin the base by digest where one can be known: --build-arg BASE_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}

ENV LANG=C.UTF-8 \
    PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    MANIFOLDBENCH_DATA=/data \
    MANIFOLDBENCH_CACHE=/tmp/cache \
    MANIFOLDBENCH_RESULTS=/results \
    MANIFOLDBENCH_PAGES=/site/build \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

COPY requirements-image.lock /opt/
RUN python3 -m venv /opt/venv \
    && pip install --quiet --no-cache-dir --no-compile --require-hashes -r /opt/requirements-image.lock \
    && mkdir /data /results /site && chmod 1777 /results /site

WORKDIR /opt/manifoldbench
COPY pyproject.toml README.md LICENSE ./
COPY datasets datasets
COPY site site
COPY submissions submissions
COPY results/certificates results/certificates
COPY benchmark benchmark
RUN pip install --quiet --no-cache-dir --no-deps --no-index --no-build-isolation --editable .

ARG VERSION=unknown
ARG REVISION=unknown
ENV MANIFOLDBENCH_REVISION=${REVISION}
LABEL org.opencontainers.image.title="ManifoldBench" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Any user may write here, also where the rest is mounted read-only.
VOLUME ["/results", "/site", "/tmp"]
USER 10001:10001
WORKDIR /results
ENTRYPOINT ["manifoldbench"]
CMD ["--help"]
