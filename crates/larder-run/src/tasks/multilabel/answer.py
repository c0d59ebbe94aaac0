    probabilities, prediction = session.run(["probabilities", "prediction"], feed)
    return [([config["id2label"][str(label)] for label in numpy.flatnonzero(chosen)], row.tolist())
            for chosen, row in zip(prediction, probabilities)]
