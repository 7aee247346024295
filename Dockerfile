# An image that serves the index in /data/index. Build: docker build -t semsig .
# Index:  docker run --rm -v PHOTOS:/photos:ro -v DATA:/data semsig index /photos --index /data/index
# Serve:  docker compose up, or see docs/serve.md
FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/semsig && /opt/semsig/bin/pip install --no-cache-dir "/src[serve]"

FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* && useradd --uid 10001 --create-home semsig \
    && mkdir /data /cache && chown semsig /data /cache
COPY --from=build /opt/semsig /opt/semsig
ENV PATH=/opt/semsig/bin:$PATH NUMBA_CACHE_DIR=/cache/numba PYTHONDONTWRITEBYTECODE=1
USER semsig
VOLUME ["/data", "/cache"]
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8765/api/v1/health', timeout=4)"]
ENTRYPOINT ["semsig"]
CMD ["serve", "--index", "/data/index", "--host", "0.0.0.0", "--cache", "/cache/thumbnails", "--anonymous"]
