# The image of clinic-api: the binary, its C library, and the TLS root certificates. See docs/deployment.md.
#
#   docker build -t clinic-api:dev --build-arg CLINIC_API_COMMIT="$(git rev-parse HEAD)" .
#   docker build -t clinic-api:embedded --build-arg CARGO_FEATURES=embedded .   # includes the embedded engine
#   docker build -t clinic-api:ci --build-arg CARGO_PROFILE=ci .                # compiles faster, runs slower
#   docker buildx build --platform linux/arm64 -t clinic-api:arm64 --load .     # slow on another processor (emulation)
#
# To record the source and the build time: --label org.opencontainers.image.source=URL
# --label org.opencontainers.image.created="$(date -u +%FT%TZ)".
#
# Needs BuildKit for the cache mounts. Releases replace the tags of the base images by the digests in
# .github/base-images/Dockerfile (.ci/release).

# This image has the C compiler for the TLS library, the allocator and SQLite (CARGO_FEATURES=embedded).
FROM rust:1.95-slim-bookworm AS build
# Stores the list of crates in the binary, for vulnerability scanners. Unoptimised, because that compiles in half the time.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    cargo install cargo-auditable --version 0.7.7 --locked --quiet --debug --root /usr/local
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY docs docs
# Cargo needs all targets of Cargo.toml, also those that it does not build.
COPY benches benches
COPY src src
ARG CARGO_FEATURES=""
ARG CARGO_PROFILE=release
ARG CLINIC_API_COMMIT=""
ARG TARGETARCH
# touch: cargo compares modification times, and sources older than the cached build would not be built.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/usr/local/cargo/git,sharing=locked \
    --mount=type=cache,id=clinic-api-target-$TARGETARCH,target=/src/target,sharing=locked \
    touch src/lib.rs src/main.rs \
    && cargo auditable build --profile "$CARGO_PROFILE" --locked --bin clinic-api --no-default-features \
       --features "$CARGO_FEATURES" \
    && cp "target/$CARGO_PROFILE/clinic-api" /clinic-api

FROM debian:bookworm-slim AS root
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# No versions, because the newest C library and root certificates of this Debian release are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libc6 libgcc-s1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /clinic-api /clinic-api
# The loader and the libraries that ldd lists, under their own paths. The C library resolves host names itself.
RUN mkdir -p /root-of-image/etc /data \
    && ldd /clinic-api | grep -o '/[^ ]*' | sort -u \
       | xargs cp --dereference --parents --preserve=mode,timestamps --target-directory=/root-of-image \
    && cp --dereference --parents --preserve=mode,timestamps /etc/ssl/certs/ca-certificates.crt /root-of-image \
    && echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >/root-of-image/etc/passwd \
    && echo 'nonroot:x:65532:' >/root-of-image/etc/group \
    && echo 'hosts: files dns' >/root-of-image/etc/nsswitch.conf
# For scanners: the Debian release, and the entries of the package database and the licences of the copied files.
RUN mkdir -p /root-of-image/var/lib/dpkg/status.d \
    && cp --dereference --parents --preserve=mode,timestamps /etc/os-release /etc/debian_version /root-of-image \
    && for package in base-files ca-certificates libc6 libgcc-s1; do \
         dpkg-query --status "$package" >"/root-of-image/var/lib/dpkg/status.d/$package"; \
         cp --dereference --parents --preserve=mode,timestamps "/usr/share/doc/$package/copyright" /root-of-image; \
       done

FROM scratch
ARG CLINIC_API_VERSION="0.1.0"
ARG CLINIC_API_COMMIT=""
LABEL org.opencontainers.image.title="clinic-api" \
      org.opencontainers.image.description="A REST service that health groups use to run their clinics: clinics, staff, patients and appointments in one DynamoDB table." \
      org.opencontainers.image.version="$CLINIC_API_VERSION" \
      org.opencontainers.image.revision="$CLINIC_API_COMMIT" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=root /root-of-image/ /
# For the embedded engine (CLINIC_API_STORE=file:/data/clinic.db) and the development issuer (/data/development-issuer),
# with a volume on /data. Otherwise the image writes nothing.
COPY --from=root --chown=65532:65532 /data /data
COPY --from=build /clinic-api /clinic-api
ENV CLINIC_API_STORE=dynamodb \
    CLINIC_API_LISTEN=0.0.0.0:8080 \
    CLINIC_API_LOG_FORMAT=json
USER 65532:65532
# 8080: the API. 9464: metrics, if CLINIC_API_METRICS_LISTEN is set.
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
# Whether the process responds, not whether it can serve. Docker Swarm replaces unhealthy containers, and with /readyz an
# outage of the table would restart all of them. A load balancer checks /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/clinic-api", "healthcheck", "--live"]
ENTRYPOINT ["/clinic-api"]
