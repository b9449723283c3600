# The course in a container. Everything is installed when the image is built; nothing is downloaded later.
#   docker build -t he-course .
#   docker run --rm --init -p 127.0.0.1:8888:8888 he-course        and open the address that it prints
# For grading, where Docker must allow the namespaces of the sandbox (TEACHING.md says what that gives up):
#   docker run --rm --init --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
#     --security-opt systempaths=unconfined -v "$PWD/submissions:/submissions:ro" \
#     -v "$PWD/grades:/home/learner/he-course/build/grades" he-course make grade SUBMISSIONS=/submissions
FROM python:3.12-slim-bookworm

# g++ and make compile Pyfhel, git keeps outputs out of changes, bubblewrap shuts submissions in.
RUN apt-get update \
  && apt-get install --no-install-recommends --yes bubblewrap g++ git make \
  && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 learner && install -d -o learner -g learner /home/learner/he-course
USER learner
WORKDIR /home/learner/he-course
# Beside the checkout, so that another checkout can take its place (.devcontainer).
ENV MAKEFLAGS="VENV=/home/learner/venv"
COPY --chown=learner:learner . .
RUN make learner teaching

EXPOSE 8888
# Inside the container it listens everywhere; -p above opens it to this computer alone.
CMD ["make", "lab", "LAB_OPTIONS=--no-browser --ip=0.0.0.0"]
