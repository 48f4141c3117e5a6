# tinygraft with Mesa's software Vulkan driver, so that every device works without a GPU:
#   docker build -t tinygraft .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" tinygraft inspect model
FROM denoland/deno:debian-2.9.6

RUN apt-get update \
  && apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/tinygraft
COPY deno.json deno.lock mod.ts LICENSE ./
COPY lib ./lib
COPY cli ./cli
# Fetches the packages that the program needs; nothing is fetched when it runs. Whoever runs it may
# keep what Deno compiles, and what is pulled from the Hub unless HF_HOME names a mounted folder.
RUN deno cache --frozen cli/main.ts && chmod -R a+rwX "$DENO_DIR" && mkdir -m 1777 /cache
ENV HF_HOME=/cache/huggingface XDG_CACHE_HOME=/cache HOME=/cache DENO_NO_UPDATE_CHECK=1

WORKDIR /work
# Of the base image, tini passes Ctrl-C on.
ENTRYPOINT ["/tini", "--", "deno", "run", "--allow-all", "--cached-only", "/opt/tinygraft/cli/main.ts"]
CMD ["--help"]
