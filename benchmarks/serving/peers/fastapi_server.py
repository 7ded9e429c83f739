"""FastAPI with pydantic's records behind uvicorn; `async`, since a thread for each request costs
more than the model.  Usage: fastapi_server.py PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from scoring import Scoring


class Question(BaseModel):
    """What is asked."""

    rows: list[list[float]]


class Answer(BaseModel):
    """What is answered."""

    scores: list[float]


app, scoring = FastAPI(), Scoring()


@app.post("/predict")
async def predict(question: Question) -> Answer:
    """A score for each row."""
    return Answer(scores=scoring.scores(question.rows).tolist())


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
