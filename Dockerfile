# emojax and its demo. On a CPU:
#   docker build --tag emojax . && docker run --rm emojax
# On NVIDIA GPUs:
#   docker build --tag emojax-gpu --build-arg DEVICE=gpu . && docker run --rm --gpus all emojax-gpu
FROM python:3.12-slim
ARG DEVICE=cpu
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /emojax
COPY . .
# The environment that scripts/demo would make; it is then found as it should be.
RUN . scripts/environment.sh && make_environment \
    && case "$DEVICE" in \
         cpu) ;; \
         gpu) .venv/bin/pip install "jax[cuda13]" ;; \
         *) echo "DEVICE is cpu or gpu, not $DEVICE" >&2; exit 1 ;; \
       esac
ENV PATH=/emojax/.venv/bin:$PATH
CMD ["scripts/demo"]
